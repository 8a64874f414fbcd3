// Package approval says who approved a version of reference data: detached signatures over the hash of its content, by two people whose
// keys a file of signers names. The signatures lie beside the content, in its folder signatures, one file a person; the file of
// signers lies elsewhere, because it decides whose signatures count.
//
// Whoever brings content into force asks [Verify]. Any fault refuses the content, also when two other signatures hold: a file that
// does not verify is a question, and questions stop a machine.
package approval
