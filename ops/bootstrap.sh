# Sourced by the scripts beside it, with $script set: find python3, go to the clone's root.
# shellcheck shell=sh
say_no() {
    echo "ops/$script: $1" >&2
    exit 1
}
CALLED_FROM=$PWD
export CALLED_FROM
# A relative path counts from where the script is called; ~ and JSON objects stay as they are.
for name in REPRISE_STATE REPRISE_VENV REPRISE_ARCHIVE REPRISE_SEALS REPRISE_SEAL_KEY \
    REPRISE_SECRET_KEYS REPRISE_SSH_KNOWN_HOSTS; do
    eval "value=\${$name:-}"
    case $value in
        "" | /* | "~"* | "{"*) ;;
        *) export "$name=$PWD/$value" ;;
    esac
done
cd -- "$(dirname -- "$0")/.." || say_no "cannot enter the clone's folder."
command -v python3 >/dev/null 2>&1 || say_no "python3 is missing: apt-get install python3 python3-venv"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    say_no "python3 is $(python3 -V 2>&1 | cut -d' ' -f2); 3.11 or later is needed."
