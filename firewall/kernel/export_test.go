package kernel

// OpenWith is Open with sockets of another size, as a user namespace has.
var OpenWith = openWith
