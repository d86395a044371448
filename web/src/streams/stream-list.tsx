export function StreamList() {
  return null;
}
