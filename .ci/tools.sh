# Sourced by every part: strict mode, the repository as the working folder, and the tools that CI installs itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$PWD/target/ci
mkdir -p "$tools"

# SAM, cargo-lambda, cfn-lint and check-jsonschema, and the public clients.
python_tools() {
    [ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r .ci/requirements.txt -r tests/clients/requirements.txt
}

# PHP, for its way to verify a signature, where there is none.
php_tool() {
    command -v php >/dev/null && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends php-cli >/dev/null
}
