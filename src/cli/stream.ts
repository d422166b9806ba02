/** Commands that may answer with a stream instead of one report: lines, or under `--json` one object a line. */
import {BaseCommand, jsonText, writeOut} from './base.js';

export abstract class StreamCommand extends BaseCommand {
  /** From the moment this is set, nothing but the stream goes to stdout. */
  protected streams = false;

  /** A stream has no envelope that could carry a warning: it is talk on stderr even under `--json`. */
  protected override warning(text: string): void {
    super.warning(text);
    if (this.streams && this.jsonEnabled()) writeOut(process.stderr, `warning: ${text}\n`);
  }

  /** A failure is the last object of the stream, on one line like the others. */
  protected override logJson(json: unknown): void {
    if (this.streams) writeOut(process.stdout, `${jsonText(json)}\n`);
    else super.logJson(json);
  }
}
