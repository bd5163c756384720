# What Debian's kernel lacks and was built for it: an encoder, and a camera with a media controller.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

pipeline_is_there() {
    modprobe vimc && wait_for 20 node_there 'RGB/YUV Capture' && [ -c /dev/media0 ] || return
    modprobe -r vimc
    true
}

coder_is_there() {
    modprobe vicodec multiplanar=1 && wait_for 20 node_there stateful-encoder
}

camera_to_coder() {
    modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 &&
        wait_for 20 node_there vivid-000-vid-cap || return
    "$build/tests/vm/lend" "$(node_named stateful-encoder)" "$(node_named vivid-000-vid-cap)" \
        640 480 30 > "$out/lend.log" || { cat "$out/lend.log"; return 1; }
    say "vivid to vicodec: $(cat "$out/lend.log")"
    modprobe -r vivid
    modprobe -r vicodec
    true
}

if has_module vicodec; then
    check 'vimc is a camera with a media controller' pipeline_is_there
    check 'vicodec is an encoder' coder_is_there
    check 'it encodes what a camera lends it, without a copy' camera_to_coder
else
    skip 'vimc and vicodec' 'only with VM_MODULES=yes, which builds them'
fi
