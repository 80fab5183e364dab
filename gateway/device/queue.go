package device

// An entry is a device with its place in a queue.
type entry struct {
	Device
	dirty      bool
	in         *queue
	prev, next *entry
}

// A queue holds entries in the order they were last pushed.
type queue struct {
	front, back *entry
	n           int
}

func (q *queue) push(e *entry) {
	e.in, e.prev, e.next = q, q.back, nil
	if q.back != nil {
		q.back.next = e
	} else {
		q.front = e
	}
	q.back = e
	q.n++
}

func (q *queue) remove(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		q.front = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		q.back = e.prev
	}
	e.in, e.prev, e.next = nil, nil, nil
	q.n--
}

// enqueue puts e at the back of the queue it belongs to; named devices belong
// to none and are therefore never forgotten.
func (v *Inventory) enqueue(e *entry) {
	if e.in != nil {
		e.in.remove(e)
	}
	switch {
	case e.Name != "":
	case e.LastSeen.Sub(e.FirstSeen) >= Settled:
		v.staying.push(e)
	default:
		v.passing.push(e)
	}
}

// trim forgets unnamed devices above the limit: first the passing ones, so
// that invented addresses push out each other and not the printer. keep is
// not forgotten.
func (v *Inventory) trim(keep *entry) {
	for v.passing.n+v.staying.n > MaxUnnamed {
		e := v.passing.front
		if e == nil || e == keep {
			e = v.staying.front
		}
		if e == nil || e == keep {
			e = v.passing.front.next
		}
		e.in.remove(e)
		delete(v.devices, e.MAC)
		for _, a := range e.Addrs {
			v.unhold(a.Addr, e.MAC)
		}
		if e.ID != 0 {
			v.gone = append(v.gone, e.copied(e.LastSeen))
		}
	}
}
