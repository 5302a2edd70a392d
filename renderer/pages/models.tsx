export function Models(_: { item: string | null }) {
  return <h1>Models</h1>;
}
