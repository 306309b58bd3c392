import { missing } from "./format";
import nothing from "./not-here";

const x: number = missing(nothing;
