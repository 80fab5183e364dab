package gateway

import "monban/image"

// dataNotes say what became of the partition for records at boot, as
// monban-data left it.
func (g *Gateway) dataNotes() []Note {
	switch d := g.o.Data; {
	case d.State == image.DataVolatile:
		return []Note{{Code: "data.volatile", Level: "danger", Args: map[string]any{"why": d.Why}}}
	case d.State == image.DataRepaired:
		return []Note{{Code: "data.repaired", Level: "danger"}}
	case d.Reset:
		return []Note{{Code: "data.reset", Level: "info"}}
	}
	return nil
}
