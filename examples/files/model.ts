import { type Script, startScriptedModel } from 'holdfast/testing';

// A stand-in for a model. What it says next follows from the transcript alone, as with a real one.

const SUMMARY = 'summary.md';

/** Supplier and sum of every invoice that was read. */
const readInvoices = (results: readonly string[]): readonly { readonly from: string; readonly eur: number }[] =>
  results.flatMap((text) => {
    const [, from] = /From: ([\w ]+)/.exec(text) ?? [];
    const [, eur] = /Total: (\d+\.\d\d) EUR/.exec(text) ?? [];
    return from === undefined || eur === undefined ? [] : [{ from, eur: Number(eur) }];
  });

const script: Script = ({ step, results, lastResults }) => {
  if (step === 1) return { calls: [{ tool: 'files.list_directory', args: { path: 'invoices' } }] };
  if (step === 2) {
    const files = lastResults.join('\n').match(/[\w-]+\.txt/g) ?? [];
    return {
      calls: [...new Set(files)].map((file) => ({
        tool: 'files.read_text_file',
        args: { path: `invoices/${file}` },
      })),
    };
  }
  const invoices = readInvoices(results);
  const totalEur = invoices.reduce((sum, { eur }) => sum + eur, 0);
  if (step === 3) {
    const lines = invoices.map(({ from, eur }) => `| ${from} | ${eur.toFixed(2)} |`);
    const content = ['| supplier | EUR |', '|---|---|', ...lines, `| **total** | **${totalEur.toFixed(2)}** |`, ''];
    return { calls: [{ tool: 'files.write_file', args: { path: SUMMARY, content: content.join('\n') } }] };
  }
  return { text: JSON.stringify({ written: SUMMARY, totalEur }) };
};

const { url } = await startScriptedModel({ script, port: Number(process.env['PORT'] ?? 8790) });
process.stdout.write(`scripted model at ${url}\n`);
