/** A bound: of Holdfast's own figure, or of its ratio to the minimal loop's. `completes`: that there is a figure. */
export type Target =
  | { readonly of: 'ratio' | 'holdfast'; readonly atMost: number }
  | { readonly of: 'ratio' | 'holdfast'; readonly atLeast: number }
  | 'completes';

/** One figure. Rows without a target explain the others. */
export type Row = {
  readonly name: string;
  readonly unit: string;
  readonly holdfast: number;
  readonly minimal?: number;
  /** Of medians of pairs, where rounds were paired; otherwise of the two figures. */
  readonly ratio?: number;
  readonly target?: Target;
  readonly note?: string;
};

/** The middle of some figures. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
};

/** A row of paired rounds: medians, and the median of the rounds' ratios. */
export const pairedRow = (
  row: Pick<Row, 'name' | 'unit' | 'target' | 'note'>,
  rounds: readonly { readonly holdfast: number; readonly minimal: number }[],
): Row => ({
  ...row,
  holdfast: median(rounds.map(({ holdfast }) => holdfast)),
  minimal: median(rounds.map(({ minimal }) => minimal)),
  ratio: median(rounds.map(({ holdfast, minimal }) => holdfast / minimal)),
});

const ratioOf = ({ ratio, holdfast, minimal }: Row): number | undefined =>
  ratio ?? (minimal === undefined ? undefined : holdfast / minimal);

/** Whether a row meets its target; undefined without one. What could not be measured meets none. */
export const isMet = (row: Row): boolean | undefined => {
  if (row.target === undefined) return undefined;
  if (row.target === 'completes') return !Number.isNaN(row.holdfast);
  const value = row.target.of === 'ratio' ? (ratioOf(row) ?? Number.NaN) : row.holdfast;
  return 'atMost' in row.target ? value <= row.target.atMost : value >= row.target.atLeast;
};

const figure = (value: number | undefined): string => {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (Math.abs(value) >= 10_000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2);
};

const targetText = ({ target, unit }: Row): string => {
  if (target === undefined || target === 'completes') return target ?? '';
  const bound = 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
  return `${bound} ${target.of === 'ratio' ? '×' : unit}`;
};

/** The rows as a table in Markdown. */
export const renderTable = (rows: readonly Row[]): string => {
  const cells = rows.map((row) => {
    const ratio = ratioOf(row);
    const met = isMet(row);
    return [
      `${row.name}${row.unit === '' ? '' : `, ${row.unit}`}`,
      figure(row.holdfast),
      figure(row.minimal),
      ratio === undefined ? '' : `${ratio.toFixed(2)}×`,
      targetText(row),
      met === undefined ? '' : met ? 'ok' : 'MISSED',
      row.note ?? '',
    ];
  });
  const table = [['measure', 'Holdfast', 'minimal', 'ratio', 'target', '', 'note'], ...cells];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = table;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n');
};
