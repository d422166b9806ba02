/** Standard input as one text. */

/** More than any file has that rtopo reads in one piece. */
const limitBytes = 2 * 1024 * 1024;

/** All of standard input, for a topology that comes through a pipe. What lies beyond the limit is not read. */
export async function stdinText(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limitBytes) break;
  }
  return Buffer.concat(chunks).toString();
}
