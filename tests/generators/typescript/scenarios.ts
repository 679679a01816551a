// The address, the password and the runner that the TypeScript programs share.

/** The address of the server. */
export const server = (process.env["AGORA_URL"] ?? "http://127.0.0.1:4000").replace(/\/$/, "");

/** The password of everyone in the sample data. */
export const PASSWORD = "agora-demo-2026";

/** Runs the scenarios and prints a line for each; the first one that fails ends the program. */
export async function scenarios(generator: string, all: Record<string, () => Promise<void>>): Promise<void> {
  for (const [name, scenario] of Object.entries(all)) {
    await scenario();
    console.log(`${generator} ${name}: passed`);
  }
}
