/** Names that Windows keeps for devices, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?$/i;
const MAX_PATH = 1_024;
const MAX_NAME = 200;

/** Temporary files of writes that are under way; they are neither listed nor opened. */
export const TEMPORARY = /^\.holdfast-[0-9a-f]{16}-\d+\.tmp$/i;

const problemOfSegment = (segment: string): string | undefined => {
  if (segment === '..') return '".." would lead out of the folder';
  if (segment.length > MAX_NAME) return `a name has over ${MAX_NAME} characters`;
  if (TEMPORARY.test(segment)) return 'the name is the platform’s';
  // Refused on every system: what is tested here must not become a hole there.
  if (DEVICE.test(segment) || /[. ]$/.test(segment))
    return `Windows would take ${JSON.stringify(segment)} for another name`;
  return undefined;
};

const problemOf = (path: string): string | undefined => {
  if (path.length > MAX_PATH) return `it has over ${MAX_PATH} characters`;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001F\u007F]/.test(path)) return 'it has a control character';
  if (path.startsWith('/')) return 'it is absolute; give it relative to the folder';
  if (path.includes('\\')) return 'it has a backslash; use "/"';
  if (path.includes(':')) return 'it has a colon';
  return undefined;
};

/**
 * Takes a path apart, as the model wrote it: relative to the root, with `/`. Only the text is checked here; links are refused
 * when it is opened.
 * @returns the names on the way, none for the root itself; or a text: what is wrong
 */
export const parsePath = (path: string): readonly string[] | string => {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  const problem = problemOf(path) ?? segments.map(problemOfSegment).find((each) => each !== undefined);
  return problem === undefined ? segments : `the path ${JSON.stringify(path.slice(0, 200))} does not fit: ${problem}`;
};
