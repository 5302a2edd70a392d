export function Jobs(_: { item: string | null }) {
  return <h1>Jobs</h1>;
}
