export function logged<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
  context: ClassMethodDecoratorContext,
) {
  return function (this: This, ...args: Args): Result {
    console.debug(`calling ${String(context.name)}`, args);
    return method.apply(this, args);
  };
}
