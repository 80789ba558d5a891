#!/bin/sh
# Writes the files of a job of type config onto the node, and says what it found there.
#
# Beside it are `files`, a line for each file (name of its content beside this, mode, path; between
# them tabs), and the contents. The node's directories are below NODE_ROOT. Each file is written
# beside its place, synced and renamed into it, so that nobody ever reads half of it. What was left
# in a directory is remembered there, in a hidden file named after namespace and job: the next run
# finds by it what somebody has changed since.
#
# Needs: sh, cat, chmod, cut, grep, head, mkdir, mv, rm, sha256sum, stat, sync.
set -u
umask 077
LC_ALL=C
export LC_ALL

here=${0%/*}
root=${NODE_ROOT-}
report=${TERMINATION_LOG:-/dev/termination-log}
owner="$JOB_NAMESPACE.$JOB_NAME"
longest=1016 # bytes of the result, so that it is kept whole
tab=$(printf '\t')

count=0
written=0
changed=0
lines=''
cut_off=''

say() {
    if [ $((${#lines} + ${#1} + 80)) -gt "$longest" ]; then
        cut_off='
...' # the first line still has all numbers
    elif [ -z "$cut_off" ]; then
        lines="$lines
$1"
    fi
}

finish() { # what went wrong, if anything
    files=files
    [ "$count" -ne 1 ] || files=file
    text="$count $files: $written written, $changed had been changed on the node$lines$cut_off"
    [ -z "$1" ] || text="$1
$text"
    [ "${#text}" -le "$longest" ] || text="$(printf '%s' "$text" | head -c "$longest")..."
    printf '%s\n' "$text" >"$report"
    printf '%s\n' "$text"
    [ -z "$1" ] || exit 1
}

fail() {
    rm -f "$beside" 2>/dev/null
    finish "error: $path: $1" # the word by which evidence is found in many lines
}

# Hash and mode of what is at $target; nothing where there is no plain file.
seen() {
    if [ -f "$target" ] && [ ! -L "$target" ]; then
        printf '%s %s' "$(sha256sum <"$target" | cut -d ' ' -f 1)" "$(stat -c %a "$target")"
    fi
}

# Put the file $1 at $2, with mode $3: whole or not at all, also after a power cut.
place() {
    rm -f "$beside" && cat "$1" >"$beside" && chmod "$3" "$beside" && sync "$beside" &&
        mv -f "$beside" "$2" && sync "$directory"
}

# Remember that $name was left as $1 (hash and mode).
remember() {
    fresh="$memory.fresh"
    rm -f "$fresh" && # a link there would be written through
        { grep -v -x -F -e "$(recorded)" "$memory" 2>/dev/null; printf '%s %s\n' "$1" "$name"; } \
            >"$fresh" &&
        sync "$fresh" && mv -f "$fresh" "$memory"
}

# The line that is remembered of $name; an impossible one where there is none.
recorded() {
    found=''
    if [ -f "$memory" ]; then
        while IFS= read -r line; do
            [ "${line#* * }" != "$name" ] || found=$line
        done <"$memory"
    fi
    printf '%s' "${found:-none}"
}

while IFS=$tab read -r content mode path; do
    count=$((count + 1))
    target=$root$path
    directory=${target%/*}
    name=${target##*/}
    memory="$directory/.wavegate.$owner"
    beside="$memory.new"
    said=$(umask 022 && mkdir -p "$directory" 2>&1) || fail "$said"
    [ ! -d "$target" ] || fail 'is a directory' # or a link to one: mv would move into it

    wanted="$(sha256sum <"$here/$content" | cut -d ' ' -f 1) $mode"
    there=$(seen)
    left=$(recorded)
    left=${left%" $name"}
    if [ "$left" != none ] && [ "$there" != "$left" ] && [ "$there" != "$wanted" ]; then
        changed=$((changed + 1))
        if [ -z "$there" ]; then say "gone $path"; else say "changed $path"; fi
    fi
    if [ "$there" != "$wanted" ]; then
        said=$(place "$here/$content" "$target" "$mode" 2>&1) || fail "$said"
        written=$((written + 1))
        say "written $path"
    fi
    [ "$left" = "$wanted" ] || said=$(remember "$wanted" 2>&1) || fail "$said"
done <"$here/files"
finish ''
