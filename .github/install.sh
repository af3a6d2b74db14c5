#!/bin/sh
# Puts the executable of Factory Proxy in place: picks the platform, downloads it, checks its SHA-256, and writes one file.
# Undo: rm ~/.local/bin/factory-proxy
# FACTORY_PROXY_URL says where the release is, FACTORY_PROXY_DIR where the file goes.
set -eu

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

# A release writes its own address here.
url=${FACTORY_PROXY_URL:-@RELEASE_URL@}
case $url in
@*) fail "FACTORY_PROXY_URL is not set. Set it to the address of the release's files." ;;
esac
folder=${FACTORY_PROXY_DIR:-$HOME/.local/bin}

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) fail "There is no executable for $(uname -s). On Windows use install.ps1." ;;
esac
case $(uname -m) in
x86_64 | amd64) cpu=x64 ;;
aarch64 | arm64) cpu=arm64 ;;
*) fail "There is no executable for $(uname -m)." ;;
esac
# A shell under Rosetta says x86_64 on Apple's own processors.
if [ "$os $cpu" = "darwin x64" ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then cpu=arm64; fi
name=factory-proxy-$os-$cpu
if [ "$os" = linux ] && ldd --version 2>&1 | grep -qi musl; then name=$name-musl; fi

mkdir -p "$folder"
# Beside its place, so that it is put there at once or not at all.
partial=$(mktemp -d "$folder/.factory-proxy-XXXXXX")
trap 'rm -rf "$partial"' EXIT
trap 'exit 1' HUP INT TERM

download() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 3 -o "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail "Neither curl nor wget is installed."
  fi || fail "$1 can't be downloaded."
}

download "$url/SHA256SUMS" "$partial/SHA256SUMS"
expected=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$partial/SHA256SUMS")
[ -n "$expected" ] || fail "SHA256SUMS of the release does not name $name."
download "$url/$name" "$partial/factory-proxy"
if command -v sha256sum >/dev/null 2>&1; then
  actual=$(sha256sum "$partial/factory-proxy" | awk '{ print $1 }')
elif command -v shasum >/dev/null 2>&1; then
  actual=$(shasum -a 256 "$partial/factory-proxy" | awk '{ print $1 }')
else
  fail "Neither sha256sum nor shasum is installed, so the download can't be checked."
fi
[ "$actual" = "$expected" ] || fail "The SHA-256 of $name is wrong. Nothing was installed."

chmod 755 "$partial/factory-proxy"
version=$("$partial/factory-proxy" --version) || fail "$name does not run on this machine. Nothing was installed."
[ ! -d "$folder/factory-proxy" ] || fail "$folder/factory-proxy is a folder. Nothing was installed."
mv -f "$partial/factory-proxy" "$folder/factory-proxy"
printf 'factory-proxy %s is in %s.\n' "$version" "$folder"
case ":$PATH:" in
*":$folder:"*) ;;
*)
  # shellcheck disable=SC2016 # It is for the person's shell to expand.
  printf 'Add it to your PATH: export PATH="%s:$PATH"\n' "$folder"
  ;;
esac
printf 'Try it: factory-proxy demo\nUndo:   rm "%s/factory-proxy"\n' "$folder"
