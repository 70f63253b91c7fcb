import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", "dist"] },
  ...tseslint.configs.strict,
  {
    rules: {
      "no-restricted-properties": [
        "error",
        // Text from files must never become HTML.
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "write"].map((property) => ({
          property,
          message: "Use textContent: names of files and classes are text, never HTML.",
        })),
      ],
      "@typescript-eslint/no-non-null-assertion": "off",
      "max-lines": ["error", { max: 450 }],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ["tests/**"], rules: { "max-lines-per-function": "off" } },
);
