//! Forging does not compile: the proofs of the house have one birthplace each.

#[test]
fn a_permit_a_second_use_and_a_recorded_cannot_be_forged() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/forging/*.rs");
}
