export function Machine(_: { item: string | null }) {
  return <h1>Machine</h1>;
}
