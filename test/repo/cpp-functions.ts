/** A function body in a C++ file. Lines count from 1; `lines` runs from the signature to the closing brace. */
export interface CppFunction {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

const SCOPE = /\b(namespace|class|struct|union|enum|extern)\b[^()]*$/;
const DATA = /=\s*$|\breturn\s*$/;
const MEMBER_INITIALIZER = /\)\s*(?:noexcept(?:\([^)]*\))?\s*)?(?<!:):(?!:)(?:[^{}]|\{\})*[\w>]\s*$/;
const AFTER_PARAMETERS = /\b(?:const|noexcept|override|final|mutable)\s*$/;

/** Finds the functions of a file by its braces. Lambdas and local types belong to the function around them. */
export function cppFunctions(text: string): CppFunction[] {
  const source = withoutCommentsAndStrings(text);
  const found: CppFunction[] = [];
  let header = { text: '', start: 0 };
  for (let at = 0; at < source.length; at++) {
    const character = source.charAt(at);
    if (character === '{') {
      const kind = kindOf(header.text);
      if (kind !== 'scope') {
        const end = matchingBrace(source, at);
        if (kind === 'function') found.push(describe(source, header, end));
        header = kind === 'initializer' ? { ...header, text: `${header.text}{}` } : { text: '', start: end + 1 };
        at = end;
        continue;
      }
    }
    const ends = character === ';' || character === '{' || character === '}';
    header = ends ? { text: '', start: at + 1 } : { ...header, text: header.text + character };
  }
  return found;
}

function kindOf(header: string): 'scope' | 'function' | 'initializer' | 'data' {
  if (MEMBER_INITIALIZER.test(header) && !AFTER_PARAMETERS.test(header)) return 'initializer';
  if (SCOPE.test(header)) return 'scope';
  return header.includes('(') && !DATA.test(header) ? 'function' : 'data';
}

function describe(source: string, header: { text: string; start: number }, end: number): CppFunction {
  const signature = header.start + header.text.search(/\S/);
  const line = source.slice(0, signature).split('\n').length;
  const name = /([\w~:]+)\s*\(/.exec(header.text)?.[1] ?? '(unnamed)';
  return { name, line, lines: source.slice(signature, end).split('\n').length };
}

function matchingBrace(source: string, open: number): number {
  let depth = 0;
  for (let at = open; at < source.length; at++) {
    if (source.charAt(at) === '{') depth++;
    if (source.charAt(at) === '}' && --depth === 0) return at;
  }
  return source.length;
}

/** Blanks comments, literals and preprocessor lines, and keeps the line breaks. */
export function withoutCommentsAndStrings(text: string): string {
  const skipped =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|(?<![\w])'(?:[^'\\\n]|\\.)+'|^[ \t]*#(?:[^\n\\]|\\\n?)*/gm;
  return text.replace(skipped, (match) => match.replace(/[^\n]/g, ' '));
}
