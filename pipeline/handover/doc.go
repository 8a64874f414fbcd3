// Package handover is the form in which confirmed cases go to a recipient, and in which the recipient answers. The
// package is pure: a batch file follows from its lines, and every file is checked against the JSON Schema that the
// recipient has too (schemas/handover).
//
// A batch is for one track. The prosecutor's office gets batch.json; the issuing systems of immediate collection, of the region and
// of the municipalities, and those who carry out an alternative (training, mediation), get batch.csv with the same content beside it. With it go an evidence bundle of each case and a
// signed manifest of them all: see package bundle.
package handover
