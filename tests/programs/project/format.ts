import type { Money } from "./model/account";

export const enum Currency {
  Euro = "EUR",
  Yen = "JPY",
}

enum Digits {
  EUR = 2,
  JPY = 0,
}

export function formatMoney({ amount, currency }: Money): string {
  const digits = Digits[currency as keyof typeof Digits] as unknown as number;
  return new Intl.NumberFormat("de", { style: "currency", currency, minimumFractionDigits: digits }).format(amount);
}

export function neverUsed(): void {
  throw new Error("tree shaking removes this");
}
