export function Use(_: { item: string | null }) {
  return <h1>Use</h1>;
}
