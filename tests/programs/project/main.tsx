import { Account, type Money } from "./model/account";
import { formatMoney, Currency } from "./format";
import * as text from "./text.json";
import readme from "./notes.txt";

function h(tag: string, attributes: Record<string, string> | null, ...children: string[]): string {
  const list = Object.entries(attributes ?? {}).map(([k, v]) => ` ${k}="${v}"`);
  return `<${tag}${list.join("")}>${children.join("")}</${tag}>`;
}

const account = new Account<Money>("Ada", { amount: 12n, currency: Currency.Euro });
account.deposit({ amount: 30n, currency: Currency.Euro });

for await (const entry of account.history()) {
  console.log(<li class="entry">{formatMoney(entry)}</li>, text.greeting, readme?.length);
}

export default account satisfies Account<Money>;
export const unused = () => import("./lazy");
