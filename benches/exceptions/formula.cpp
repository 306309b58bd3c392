// Parses and evaluates formulas: trees of unique_ptr, strings, a map of variables, errors anywhere.
#include "failing.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

struct Node {
	virtual ~Node() = default;
	virtual double value(const std::map<std::string, double> &) const = 0;
};
using Tree = std::unique_ptr<Node>;

struct Number : Node {
	double number;
	explicit Number(double n) : number(n) {}
	double value(const std::map<std::string, double> &) const override { return number; }
};
struct Variable : Node {
	std::string name;
	explicit Variable(std::string n) : name(std::move(n)) {}
	double value(const std::map<std::string, double> &all) const override
	{
		auto found = all.find(name);
		if (found == all.end())
			fail("no such variable");
		return found->second;
	}
};
struct Binary : Node {
	char op;
	Tree left, right;
	Binary(char o, Tree l, Tree r) : op(o), left(std::move(l)), right(std::move(r)) {}
	double value(const std::map<std::string, double> &all) const override
	{
		double a = left->value(all), b = right->value(all);
		switch (op) {
		case '+': return a + b;
		case '-': return a - b;
		case '*': return a * b;
		}
		if (b == 0)
			fail("division by zero");
		return a / b;
	}
};

struct Parser {
	const std::string &text;
	size_t at = 0;
	char peek() const { return at < text.size() ? text[at] : 0; }
	Tree atom()
	{
		if (peek() == '(') {
			at++;
			Tree inner = sum();
			if (peek() != ')')
				fail("missing )");
			at++;
			return inner;
		}
		std::string word;
		while (std::isalnum((unsigned char)peek()))
			word += text[at++];
		if (word.empty())
			fail("expected a number or a name");
		if (std::isdigit((unsigned char)word[0]))
			return std::make_unique<Number>(std::strtod(word.c_str(), nullptr));
		return std::make_unique<Variable>(word);
	}
	Tree product()
	{
		Tree left = atom();
		while (peek() == '*' || peek() == '/') {
			char op = text[at++];
			left = std::make_unique<Binary>(op, std::move(left), atom());
		}
		return left;
	}
	Tree sum()
	{
		Tree left = product();
		while (peek() == '+' || peek() == '-') {
			char op = text[at++];
			left = std::make_unique<Binary>(op, std::move(left), product());
		}
		return left;
	}
};

int main()
{
	std::map<std::string, double> variables;
	for (int i = 0; i < 40; i++)
		variables["x" + std::to_string(i)] = i + 0.5;
	double total = 0;
	for (int round = 0; round < 4000; round++)
		guarded([&] {
			std::string text = "1";
			for (int i = 0; i < 30; i++)
				text += "+(x" + std::to_string((i + round) % 40) + "*" + std::to_string(i) + "-x7/" + std::to_string(i + 1) + ")";
			Parser parser{ text };
			Tree tree = parser.sum();
			for (int i = 0; i < 3; i++)
				total += tree->value(variables);
		});
	std::printf("%.3f\n", total);
}
