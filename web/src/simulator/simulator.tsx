export function Simulator() {
  return null;
}
