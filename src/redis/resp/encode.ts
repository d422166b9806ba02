/** Requests as bytes: RESP2 arrays of bulk strings, many commands in one buffer. Arguments are never pasted into text. */

export type Part = Buffer | string | number;

const CRLF = '\r\n';

/** One buffer that holds every command, in order. Source: the RESP2 specification, section "Arrays" and "Bulk strings". */
export function encodeCommands(commands: readonly (readonly Part[])[]): Buffer {
  const parts: Buffer[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') parts.push(Buffer.from(text, 'utf8'));
    text = '';
  };
  for (const command of commands) {
    text += `*${command.length}${CRLF}`;
    for (const part of command) {
      if (Buffer.isBuffer(part)) {
        text += `$${part.length}${CRLF}`;
        flush();
        parts.push(part);
        text = CRLF;
      } else {
        const argument = String(part);
        text += `$${Buffer.byteLength(argument)}${CRLF}${argument}${CRLF}`;
      }
    }
  }
  flush();
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
