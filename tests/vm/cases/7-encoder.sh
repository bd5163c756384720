# The state machine of hardware encoders (tests/unit/test_m2m), which `make check` runs on a fake: on
# the kernel's own encoder, with both interfaces of V4L2, and with the buffers of a camera, of which
# none is copied.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

encoder_works() { # MULTIPLANAR
    modprobe vicodec multiplanar="$1" &&
        modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 &&
        wait_for 20 node_there stateful-encoder && wait_for 20 node_there vivid-000-vid-cap ||
        return
    M2M_DEVICE=$(node_named stateful-encoder) M2M_CODEC=FWHT \
        M2M_CAMERA=$(node_named vivid-000-vid-cap) "$build/tests/unit/test_m2m" 2>&1
    ended=$?
    modprobe -r vivid
    modprobe -r vicodec
    [ "$ended" -eq 0 ]
}

if ! has_module vicodec; then
    skip 'the state machine of encoders on vicodec' 'only with VM_MODULES=yes, which builds it'
elif ! [ -x "$build/tests/unit/test_m2m" ]; then
    skip 'the state machine of encoders on vicodec' 'this build has no test_m2m (V4L2, cmocka)'
else
    check 'the state machine of encoders holds on vicodec' encoder_works 1
    check 'and on its single-planar interface' encoder_works 0
fi
