import { z } from "zod";

const keySchema = z.strictObject({
  name: z
    .string()
    .min(1)
    .optional()
    .describe("Whose key it is; streams belong to this name. Default: they belong to the key itself."),
  role: z
    .enum(["user", "admin"])
    .default("user")
    .describe(
      "`user` sees what was started with the key. `admin` sees the records of all streams too, can stop and delete them, and reads metrics, targets and this configuration.",
    ),
  key: z.string().min(1).optional().describe("The key itself; prefer one of the others."),
  keyHash: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, "must be `sha256:` and 64 hex digits")
    .optional()
    .describe("`sha256:` and the hex SHA-256 of the key."),
  keyVariable: z.string().min(1).optional().describe("Name of the environment variable that holds the key."),
});

export const accessSchema = z.strictObject({
  required: z.boolean().default(false).describe("Refuse requests without a key. Always so when keys are given."),
  keys: z
    .array(keySchema)
    .default([])
    .describe("Who may call. `HEADRACE_API_KEYS` adds users to them, `HEADRACE_ADMIN_KEYS` admins."),
});

/** Whether there is a key that may see what is for operators. */
export function hasAdmin({ keys }: z.infer<typeof accessSchema>): boolean {
  return keys.some(({ role }) => role === "admin");
}
