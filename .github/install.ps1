# Puts the executable of Factory Proxy in place: picks the platform, downloads it, checks its SHA-256, and writes one file.
# Undo: Remove-Item "$env:LOCALAPPDATA\Programs\factory-proxy" -Recurse
# FACTORY_PROXY_URL says where the release is, FACTORY_PROXY_DIR where the file goes.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Set-StrictMode -Version Latest

# A release writes its own address here.
$url = if ($env:FACTORY_PROXY_URL) { $env:FACTORY_PROXY_URL } else { '@RELEASE_URL@' }
if ($url.StartsWith('@')) { throw "FACTORY_PROXY_URL is not set. Set it to the address of the release's files." }
$folder = if ($env:FACTORY_PROXY_DIR) { $env:FACTORY_PROXY_DIR } else { Join-Path $env:LOCALAPPDATA 'Programs\factory-proxy' }

# A 32-bit or emulated shell knows the machine's own processor by the second variable.
$processor = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
$cpu = switch ($processor) {
  'AMD64' { 'x64' }
  'ARM64' { 'arm64' }
  default { throw "There is no executable for $processor." }
}
$name = "factory-proxy-windows-$cpu.exe"

New-Item -ItemType Directory -Force -Path $folder | Out-Null
$place = Join-Path $folder 'factory-proxy.exe'
$partial = "$place.partial"
$sums = "$place.sums"
try {
  Invoke-WebRequest -UseBasicParsing -Uri "$url/SHA256SUMS" -OutFile $sums
  $line = Get-Content $sums | Where-Object { ($_ -split '\s+\*?')[1] -eq $name } | Select-Object -First 1
  if (-not $line) { throw "SHA256SUMS of the release does not name $name." }
  Invoke-WebRequest -UseBasicParsing -Uri "$url/$name" -OutFile $partial
  $actual = (Get-FileHash -Algorithm SHA256 -Path $partial).Hash
  if ($actual -ne ($line -split '\s+')[0]) { throw "The SHA-256 of $name is wrong. Nothing was installed." }
  Move-Item -Force -Path $partial -Destination $place
} finally {
  Remove-Item -Force -ErrorAction SilentlyContinue -Path $sums, $partial
}

"factory-proxy $(& $place --version) is in $folder."
if (($env:PATH -split ';') -notcontains $folder) { "Add it to your PATH: `$env:PATH += ';$folder'" }
"Try it: factory-proxy demo"
"Undo:   Remove-Item '$place'"
