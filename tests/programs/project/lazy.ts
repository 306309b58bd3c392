export const lazy = /[\p{L}--[a-z]]/v;
