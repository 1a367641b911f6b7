/** Numbers as people write them, with their separators; a sign counts where nothing stands before it. */
const NUMBER = /(?<![\p{L}\p{N}_])-?\d+(?:[.,'’ ]\d+)*(?![\p{L}\p{N}_])/gu;
const PLAIN = /^-?\d+(?:\.\d+)?$/;
const THOUSANDS = /^(-?\d{1,3})((?:[,'’ ]\d{3})+)(\.\d+)?$/;
const EUROPEAN = /^(-?\d{1,3})((?:[.'’ ]\d{3})+),(\d+)$/;
const COMMA_DECIMAL = /^-?\d+,\d{1,2}$/;
const DOTTED_THOUSANDS = /^-?\d{1,3}(?:\.\d{3})+$/;

const digitsOf = (text: string): string => text.replaceAll(/[^\d-]/g, '');

/** The number that a text is, read in the way most people mean it: `1,000` is 1000, `12,50` is 12.5. */
export const numberOf = (text: string): number | undefined => {
  if (PLAIN.test(text)) return Number(text);
  if (COMMA_DECIMAL.test(text)) return Number(text.replace(',', '.'));
  const english = THOUSANDS.exec(text);
  if (english !== null) return Number(`${digitsOf(`${english[1]}${english[2]}`)}${english[3] ?? ''}`);
  const european = EUROPEAN.exec(text);
  if (european !== null) return Number(`${digitsOf(`${european[1]}${european[2]}`)}.${european[3]}`);
  return undefined;
};

const JOINERS = /[@._+/:-]/;
const INNER = /[\p{L}\p{N}]/u;

const isWithin = (text: string, from: number, to: number): boolean =>
  (JOINERS.test(text[from - 1] ?? '') && INNER.test(text[from - 2] ?? '')) ||
  (JOINERS.test(text[to] ?? '') && INNER.test(text[to + 1] ?? ''));

/** Numbers that stand by themselves: not those of `order-17`, `2026-05-01` or `10.0.0.1`. */
export const numbersStandingIn = (text: string): number[] =>
  [...text.matchAll(NUMBER)].flatMap((found) => {
    if (isWithin(text, found.index, found.index + found[0].length)) return [];
    // `5 100` may be two numbers as well as one.
    const readings = [found[0], ...found[0].split(/[ ]|[,.'’](?!\d)/)].map(numberOf);
    return readings.filter((number) => number !== undefined);
  });

/** Every number that a text may be read to hold, in any notation, without sign. */
export const numbersAnywhereIn = (text: string): number[] =>
  (text.match(/\d+(?:[.,'’ ]\d+)*/g) ?? []).flatMap((found) => {
    const pieces = found.split(/[.,'’ ]/).map(Number);
    const whole = [numberOf(found), DOTTED_THOUSANDS.test(found) ? Number(digitsOf(found)) : undefined];
    return [...pieces, ...whole].filter((number) => number !== undefined && Number.isFinite(number)) as number[];
  });
