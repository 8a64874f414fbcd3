package reference

// SampleMarker is the file that says of a directory of reference data that all of it is made up.
const SampleMarker = "SAMPLE"
