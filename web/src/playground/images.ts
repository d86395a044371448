import type { Attachment } from "./request.ts";

const mostBytes = 4 * 1024 * 1024;
const types = ["image/png", "image/jpeg", "image/webp", "image/gif"];

export const imageTypes = types.join();

export interface ReadImages {
  images: Attachment[];
  /** Why some of the files are not among them. */
  problem: string | undefined;
}

/** Files as a request carries them. */
export async function readImages(files: Iterable<File>): Promise<ReadImages> {
  const all = [...files];
  const wrong = all.find(({ type }) => !types.includes(type));
  const big = all.find(({ type, size }) => types.includes(type) && size > mostBytes);
  const fitting = all.filter(({ type, size }) => types.includes(type) && size <= mostBytes);
  const images = await Promise.all(fitting.map(async (file) => ({ name: file.name, dataUrl: await dataUrlOf(file) })));
  if (wrong !== undefined) return { images, problem: `${wrong.name} is not a PNG, JPEG, WebP or GIF.` };
  return { images, problem: big && `${big.name} is larger than 4 MB.` };
}

function dataUrlOf(file: File): Promise<string> {
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
}
