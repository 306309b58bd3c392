// A ray tracer: virtual calls, small vectors by value, shared ownership, errors that never come.
#include "failing.h"
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

struct Vector {
	double x, y, z;
	Vector operator+(const Vector &o) const { return { x + o.x, y + o.y, z + o.z }; }
	Vector operator-(const Vector &o) const { return { x - o.x, y - o.y, z - o.z }; }
	Vector operator*(double f) const { return { x * f, y * f, z * f }; }
	double dot(const Vector &o) const { return x * o.x + y * o.y + z * o.z; }
	Vector unit() const
	{
		double length = std::sqrt(dot(*this));
		if (!(length > 0))
			fail("a vector without direction");
		return *this * (1 / length);
	}
};
struct Ray {
	Vector from, direction;
};
struct Material {
	double diffuse, mirror;
};
struct Hit {
	double distance;
	Vector point, normal;
	std::shared_ptr<const Material> material;
};
struct Shape {
	std::shared_ptr<const Material> material;
	explicit Shape(std::shared_ptr<const Material> m) : material(std::move(m)) {}
	virtual ~Shape() = default;
	virtual std::optional<Hit> meet(const Ray &) const = 0;
};
struct Sphere : Shape {
	Vector center;
	double radius;
	Sphere(Vector c, double r, std::shared_ptr<const Material> m) : Shape(std::move(m)), center(c), radius(r) {}
	std::optional<Hit> meet(const Ray &ray) const override
	{
		Vector to = center - ray.from;
		double along = to.dot(ray.direction), rest = radius * radius - (to.dot(to) - along * along);
		if (rest < 0)
			return {};
		double distance = along - std::sqrt(rest);
		if (distance < 1e-6)
			return {};
		Vector point = ray.from + ray.direction * distance;
		return Hit{ distance, point, (point - center).unit(), material };
	}
};
struct Floor : Shape {
	using Shape::Shape;
	std::optional<Hit> meet(const Ray &ray) const override
	{
		if (ray.direction.y > -1e-6)
			return {};
		double distance = -ray.from.y / ray.direction.y;
		return Hit{ distance, ray.from + ray.direction * distance, { 0, 1, 0 }, material };
	}
};

struct Scene {
	std::vector<std::unique_ptr<Shape>> shapes;
	std::optional<Hit> nearest(const Ray &ray) const
	{
		std::optional<Hit> best;
		for (const auto &shape : shapes) {
			std::optional<Hit> hit = shape->meet(ray);
			if (hit && (!best || hit->distance < best->distance))
				best = std::move(hit);
		}
		return best;
	}
	double light(const Ray &ray, int depth) const
	{
		if (depth > 8)
			fail("too deep");
		std::optional<Hit> hit = nearest(ray);
		if (!hit)
			return 0.2 + 0.1 * ray.direction.y;
		double here = hit->material->diffuse * std::max(0.0, hit->normal.dot(Vector{ 0.4, 0.8, -0.4 }.unit()));
		if (hit->material->mirror == 0 || depth == 4)
			return here;
		Vector back = ray.direction - hit->normal * (2 * ray.direction.dot(hit->normal));
		return here + hit->material->mirror * light({ hit->point + back * 1e-4, back.unit() }, depth + 1);
	}
};

int main()
{
	Scene scene;
	auto dull = std::make_shared<const Material>(Material{ 0.8, 0 });
	auto shiny = std::make_shared<const Material>(Material{ 0.3, 0.6 });
	scene.shapes.push_back(std::make_unique<Floor>(dull));
	for (int i = 0; i < 12; i++)
		scene.shapes.push_back(std::make_unique<Sphere>(Vector{ (i % 4) * 1.5 - 2.2, 0.7, i / 4 * 1.5 }, 0.7, i % 2 ? shiny : dull));
	double sum = 0;
	for (int y = 0; y < 120; y++)
		for (int x = 0; x < 160; x++)
			guarded([&] { sum += scene.light({ { 0, 2, -6 }, Vector{ (x - 80) / 80.0, (60 - y) / 80.0 - 0.2, 1.5 }.unit() }, 0); });
	std::printf("%.6f\n", sum);
}
