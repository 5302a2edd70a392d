export function Earnings(_: { item: string | null }) {
  return <h1>Earnings</h1>;
}
