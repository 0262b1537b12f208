/** Makes a bucket on a Cloud Storage server that asks for no account: one of a test, or of this machine. */
export const makeBucket = async (endpoint: string, name: string): Promise<void> => {
  const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name })
  })
  const said = await answer.text()
  if (!answer.ok) throw new Error(`The bucket ${name} was not made: HTTP ${answer.status}, ${said}`)
}
