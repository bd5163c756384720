# The laboratory itself: its cameras do what they say, before anything else is held against them.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

vivid_gives_pictures() {
    modprobe vivid n_devs=1 node_types=0x1 || return
    wait_for 20 test -c /dev/video0 || return
    grab vivid --pictures=5 /dev/video0 YUYV 320 180 || return
    modprobe -r vivid
    wait_for 20 gone /dev/video0
}
check 'vivid gives pictures' vivid_gives_pictures

usbcam_start
begin_us=$(now_us)
check 'a camera that is plugged in is there' plug
say "a camera is there $((($(now_us) - begin_us) / 1000)) ms after it was plugged in"

every_picture_of() { # NAME FOURCC WIDTH HEIGHT
    grab "$1" --pictures=15 "$camera" "$2" "$3" "$4" && consecutive "$1"
}
check 'YUYV comes picture by picture' every_picture_of yuyv YUYV 320 240
check 'YUYV of another size does, too' every_picture_of yuyv640 YUYV 640 480
if v4l2-ctl -d "$camera" --list-formats | grep -q MJPG; then
    check 'MJPEG comes picture by picture' every_picture_of mjpeg MJPG 640 480
else
    skip 'MJPEG comes picture by picture' 'built without libturbojpeg'
fi

h264_comes() {
    grab h264 --pictures=40 --output="$out/h264.h264" "$camera" H264 320 240
}
check 'H.264 comes' h264_comes
expect_pictures h264 320 240 0 'H.264 comes picture by picture'
say "at 15 fps: $(grep -h 'pictures in' "$out/yuyv.log" "$out/h264.log" | tr '\n' ';')"

the_rate_is_as_granted() {
    grab slow --pictures=4 --fps=5 "$camera" YUYV 320 240 && grep -q '1/5 s' "$out/slow.log"
}
check 'a frame rate that is asked for is granted' the_rate_is_as_granted

brightness_can_be_set() {
    v4l2-ctl -d "$camera" --set-ctrl=brightness=20 --get-ctrl=brightness | grep -qx 'brightness: 20' &&
        ! v4l2-ctl -d "$camera" --set-ctrl=brightness=1000 --get-ctrl=brightness |
        grep -q 1000
    v4l2-ctl -d "$camera" --set-ctrl=brightness=0
}
check 'brightness can be set, within its range' brightness_can_be_set

while_grabbing() { # NAME PATIENCE COMMAND...: does that while pictures are taken; grab's status
    grab_start "$1" --patience-s="$2" --pictures=150 "$camera" YUYV 320 240 || return
    shift 2
    "$@" && grab_end
}

check 'a camera that is unplugged gives ENODEV' ends_with 3 while_grabbing unplug 30 unplug
check 'it can be plugged into another port' plug 3
check 'and gives pictures again' every_picture_of replugged YUYV 320 240
check 'a camera that stalls gives none' ends_with 4 while_grabbing stall 3 usbcam stall
usbcam resume
check 'and gives pictures when it has recovered' every_picture_of resumed YUYV 320 240
interface=$(camera_interface)
check 'a driver that is unbound gives ENODEV' \
    ends_with 3 while_grabbing unbind 30 driver unbind "$interface"
driver bind "$interface"
check 'and it can be bound again' wait_for 20 camera_there

second_program() {
    grab_start first --pictures=150 "$camera" YUYV 320 240 || return
    ends_with 5 grab second --pictures=1 "$camera" YUYV 320 240
    refused=$?
    unplug
    grab_end
    return "$refused"
}
check 'a camera in use is busy for others' second_program

# The kernel keeps pictures to itself that it knows to be damaged, unless it is told not to.
# The first two pictures are damaged: whatever this machine is busy with, grab sees them.
damage_arrives() { # NODROP NAME DAMAGE PATTERN
    echo "$1" > /sys/module/uvcvideo/parameters/nodrop
    unplug
    plug || return
    usbcam "$3" 2
    grab "$2" --pictures=6 "$camera" YUYV 320 240 || return
    [ "$(grep -cE "$4" "$out/$2.log")" -eq 2 ]
}
# They are not there, but the kernel has counted them.
kernel_hides_damage() {
    damage_arrives 0 hidden short '^picture [01] '
    grep -m 1 '^picture' "$out/hidden.log" | grep -E '^picture 2 153600 ok [0-9]'
}
check 'a short picture stays with the kernel' kernel_hides_damage
check 'unless the kernel is told not to: it is marked' \
    damage_arrives 1 short short '^picture [0-9]+ 76800 damaged -'
check 'an oversized picture is marked' \
    damage_arrives 1 oversized oversized '^picture [0-9]+ 153600 damaged [0-9]+'
check 'a picture of noise looks whole' \
    damage_arrives 1 garbage garbage '^picture [0-9]+ 153600 ok -'
echo 0 > /sys/module/uvcvideo/parameters/nodrop
unplug
