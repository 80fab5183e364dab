// SPDX-License-Identifier: GPL-2.0
/*
 * Tells the firmware of a Raspberry Pi to start the partition under [tryboot] in
 * autoboot.txt at the next restart, once.
 *
 * The vendor's kernel does it when it restarts with the word "tryboot"
 * (drivers/firmware/raspberrypi.c there); Debian's kernel has not got that. This
 * asks the firmware when it is loaded and then fails to load, so that nothing
 * stays behind: -ECANCELED says that the firmware agreed.
 */
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

/* RPI_FIRMWARE_SET_REBOOT_FLAGS in the vendor's header; flag 0 is tryboot. */
#define SET_REBOOT_FLAGS 0x00038064

static int __init tryboot(void)
{
	struct device_node *node;
	struct rpi_firmware *firmware;
	u32 flags = 1;
	int err;

	node = of_find_compatible_node(NULL, NULL, "raspberrypi,bcm2835-firmware");
	if (!node)
		return -ENODEV;
	firmware = rpi_firmware_get(node);
	of_node_put(node);
	if (!firmware)
		return -ENXIO;
	err = rpi_firmware_property(firmware, (enum rpi_firmware_property_tag)SET_REBOOT_FLAGS, &flags, sizeof(flags));
	rpi_firmware_put(firmware);
	return err ? err : -ECANCELED;
}
module_init(tryboot);

MODULE_DESCRIPTION("Try the other boot partition of a Raspberry Pi once");
MODULE_LICENSE("GPL");
