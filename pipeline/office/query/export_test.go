package query

// SQL returns the text, which holds no value.
func (s Statement) SQL() string { return s.sql }
