package reference

// SampleMarker is a file which marks all reference data in its directory as made up.
const SampleMarker = "SAMPLE"
