-- Jobs of all merchants are looked through by age every ten minutes, to find those that are to be forgotten.
CREATE INDEX print_job_aged ON print_job (made_at, job_id);
