// The committed bundle is the build of this source: build again, and compare the bytes.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const committed = fileURLToPath(new URL("../../src/embedlens/viewer/static", import.meta.url));
const fresh = mkdtempSync(join(tmpdir(), "viewer-build-"));
try {
  execFileSync("npm", ["run", "--silent", "build", "--", "--logLevel", "warn"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { ...process.env, VIEWER_OUT: fresh },
    stdio: "inherit",
  });
  const names = [...new Set([...readdirSync(committed), ...readdirSync(fresh)])].sort();
  const different = names.filter((name) => {
    try {
      return !readFileSync(join(committed, name)).equals(readFileSync(join(fresh, name)));
    } catch {
      return true;
    }
  });
  if (different.length > 0) {
    console.error(
      `Not the build of viewer/: ${different.join(", ")}. Run "npm run build" in viewer/ and commit the result.`,
    );
    process.exitCode = 1;
  } else {
    console.log(`${names.join(", ")}: the build of this source.`);
  }
} finally {
  rmSync(fresh, { recursive: true });
}
