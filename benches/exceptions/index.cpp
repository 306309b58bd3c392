// An index of words: hash maps, vectors that grow, sorting with a comparison, bounds that are checked.
#include "failing.h"
#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

struct Posting {
	unsigned document, count;
};

class Index {
	std::unordered_map<std::string, std::vector<Posting>> words;
	std::vector<std::string> documents;

public:
	void add(std::string text)
	{
		unsigned document = documents.size();
		size_t start = 0;
		while (start < text.size()) {
			size_t end = text.find(' ', start);
			if (end == std::string::npos)
				end = text.size();
			if (end == start)
				fail("an empty word");
			note(text.substr(start, end - start), document);
			start = end + 1;
		}
		documents.push_back(std::move(text));
	}
	void note(const std::string &word, unsigned document)
	{
		std::vector<Posting> &list = words[word];
		if (list.empty() || list.back().document != document)
			list.push_back({ document, 0 });
		list.back().count++;
	}
	std::vector<Posting> best(const std::string &word) const
	{
		auto found = words.find(word);
		if (found == words.end())
			fail("no such word");
		std::vector<Posting> list = found->second;
		std::sort(list.begin(), list.end(), [](const Posting &a, const Posting &b) {
			return a.count != b.count ? a.count > b.count : a.document < b.document;
		});
		if (list.size() > 10)
			list.resize(10);
		return list;
	}
	const std::string &text(unsigned document) const
	{
		if (document >= documents.size())
			fail("no such document");
		return documents[document];
	}
};

int main()
{
	Index index;
	unsigned random = 12345;
	auto next = [&](unsigned below) {
		random = random * 1664525 + 1013904223;
		return (random >> 8) % below;
	};
	guarded([&] {
		for (int i = 0; i < 1500; i++) {
			std::string text;
			for (int j = 0; j < 60; j++)
				text += (j ? " w" : "w") + std::to_string(next(next(400) + 1));
			index.add(std::move(text));
		}
	});
	unsigned long long sum = 0;
	for (int i = 0; i < 1200; i++)
		guarded([&] {
			for (const Posting &p : index.best("w" + std::to_string(i % 200)))
				sum = sum * 31 + p.document + index.text(p.document).size() + p.count;
		});
	std::printf("%llu\n", sum);
}
