export function Wallet(_: { item: string | null }) {
  return <h1>Wallet</h1>;
}
