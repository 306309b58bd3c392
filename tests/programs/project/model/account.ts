import type { Currency } from "../format";
import { logged } from "../decorators";

export interface Money {
  amount: bigint;
  currency: Currency;
}

export class Account<T extends Money> {
  #balance: T[] = [];
  static count = 0;
  declare readonly kind: string;

  constructor(public readonly owner: string, first: T) {
    this.#balance.push(first);
    Account.count ??= 0;
    Account.count++;
  }

  @logged
  deposit(money: T): this {
    this.#balance.push(money);
    return this;
  }

  async *history(): AsyncGenerator<T> {
    for (const money of this.#balance) yield money;
  }

  get balance(): bigint {
    return this.#balance.reduce((sum, { amount }) => sum + amount, 0n);
  }
}
