/** The labs opened last, newest first, as far as they still exist. */
import { stat } from 'node:fs/promises';
import { labName } from './lab-folder';
import { SettingsFile } from './settings';

const KEPT = 10;

export class RecentLabs {
  private readonly file: SettingsFile;

  constructor(data: string) {
    this.file = new SettingsFile(data, 'recent.json');
  }

  async list(): Promise<{ path: string; name: string }[]> {
    const paths = await this.paths();
    const exists = await Promise.all(
      paths.map((path) =>
        stat(path)
          .then((facts) => facts.isFile())
          .catch(() => false),
      ),
    );
    return paths.filter((_path, i) => exists[i]).map((path) => ({ path, name: labName(path) }));
  }

  async add(path: string): Promise<void> {
    const others = (await this.paths()).filter((other) => other !== path);
    await this.file.save({ paths: [path, ...others].slice(0, KEPT) });
  }

  private async paths(): Promise<string[]> {
    const { paths } = await this.file.load();
    return Array.isArray(paths) ? paths.filter((path): path is string => typeof path === 'string') : [];
  }
}
