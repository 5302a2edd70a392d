export function Settings(_: { item: string | null }) {
  return <h1>Settings</h1>;
}
