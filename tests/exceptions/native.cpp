#include <cstdio>
extern "C" void run();
extern "C" void note(int number) { std::printf("%d\n", number); }
int main() { run(); }
